output "endpoint" {
  description = "Base URL of the API, without a slash at the end: append /v1/ping. It ends with base_path if that is set. Null with endpoint_type = \"none\"."
  value       = local.endpoint_url == null ? null : "${local.endpoint_url}${var.base_path}"
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.gateway.function_name
}

output "function_arn" {
  description = "ARN of the function, without a version or alias."
  value       = aws_lambda_function.gateway.arn
}

output "role_name" {
  description = "Name of the function's role. Attach the permissions of your own service to it."
  value       = aws_iam_role.function.name
}

output "log_group" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}

output "access_log_group" {
  description = "Log group of the API's access log, or null if there is none."
  value       = one([for group in aws_cloudwatch_log_group.access : group.name])
}

output "alias" {
  description = "Name of the alias that the endpoint and all triggers call."
  value       = aws_lambda_alias.live.name
}

output "alias_arn" {
  description = "ARN of the alias, for other callers than the endpoint, such as the module in vpc-lattice/."
  value       = aws_lambda_alias.live.arn
}

output "live_version" {
  description = "Version that the alias points to. Note it before an update, so that you can roll back to it."
  value       = aws_lambda_alias.live.function_version
}

output "dead_letter_queue_url" {
  description = "URL of the queue for events that failed for good, or null if there is none."
  value       = one([for queue in aws_sqs_queue.dead_letters : queue.url])
}

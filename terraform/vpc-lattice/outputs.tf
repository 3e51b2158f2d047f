output "endpoint" {
  description = "Base URL of the listener, without a slash at the end: append the function's base_path, if it has one, and /v1/ping."
  value = join("", [
    lower(data.aws_vpclattice_listener.service.protocol), "://",
    try(coalesce(data.aws_vpclattice_service.service.custom_domain_name), data.aws_vpclattice_service.service.dns_entry[0].domain_name),
    contains(["HTTP:80", "HTTPS:443"], "${data.aws_vpclattice_listener.service.protocol}:${data.aws_vpclattice_listener.service.port}") ? "" : ":${data.aws_vpclattice_listener.service.port}",
  ])
}

output "target_group_arn" {
  description = "ARN of the target group, for rules of your own."
  value       = aws_vpclattice_target_group.function.arn
}

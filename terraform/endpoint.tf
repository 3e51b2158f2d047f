# Which endpoint there is, if any, and what the types have in common.

locals {
  # The set that each type passes to for_each: its own name if it is chosen,
  # otherwise nothing. Further resources of a type use its first resource as for_each.
  endpoint = {
    for type in ["http_api", "function_url", "rest_api", "alb"] :
    type => toset(type == var.endpoint_type ? [type] : [])
  }

  # How many seconds the chosen endpoint waits for an answer. Without an endpoint,
  # Lambda alone limits an invocation.
  endpoint_timeout = lookup({
    http_api = 30
    rest_api = var.response_mode == "stream" ? 900 : 29
  }, var.endpoint_type, 900)

  # Null without an endpoint.
  endpoint_url = one(concat(
    [for api in aws_apigatewayv2_api.http : api.api_endpoint],
    [for url in aws_lambda_function_url.live : trimsuffix(url.function_url, "/")],
    [for stage in aws_api_gateway_stage.live : stage.invoke_url],
    values(local.alb_url),
  ))

  throttling = var.throttling != null ? var.throttling : { rate = 100, burst = 200 }

  access_log = var.access_log != null ? var.access_log : var.endpoint_type == "http_api"

  access_log_format = jsonencode({
    requestId          = "$context.requestId"
    time               = "$context.requestTimeEpoch"
    ip                 = "$context.identity.sourceIp"
    userAgent          = "$context.identity.userAgent"
    method             = "$context.httpMethod"
    path               = "$context.path"
    protocol           = "$context.protocol"
    status             = "$context.status"
    responseLength     = "$context.responseLength"
    latency            = "$context.responseLatency"
    integrationLatency = "$context.integrationLatency"
    integrationError   = "$context.integrationErrorMessage"
  })
}

# Below /aws/vendedlogs/, where CloudWatch keeps no resource policy per group that
# could outgrow its limit.
resource "aws_cloudwatch_log_group" "access" {
  for_each = toset(local.access_log ? [var.endpoint_type] : [])

  name              = "/aws/vendedlogs/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
}

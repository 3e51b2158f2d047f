# endpoint_type = "rest_api": an API Gateway REST API that proxies every path, and
# can stream.

locals {
  rest_stage = "live"

  # {proxy+} does not match the root, so both get a method and an integration.
  rest_resources = merge([
    for type, api in aws_api_gateway_rest_api.rest : {
      "/"         = { api = api.id, id = api.root_resource_id }
      "/{proxy+}" = { api = api.id, id = aws_api_gateway_resource.proxy[type].id }
    }
  ]...)

  # Streaming uses another Lambda API, with another path in the URI. The provider
  # exports that URI for the function, but not for an alias.
  rest_uris = {
    buffered = aws_lambda_alias.live.invoke_arn
    stream   = replace(aws_lambda_alias.live.invoke_arn, "/^(.*:lambda:path)/2015-03-31/(.*)/invocations$/", "$1/2021-11-15/$2/response-streaming-invocations")
  }
}

resource "aws_api_gateway_rest_api" "rest" {
  for_each = local.endpoint.rest_api

  name        = var.name
  description = "REST API in front of ${var.name}"

  # Every body is passed in base64. Without this, binary bodies are read as text.
  binary_media_types = ["*/*"]

  # Edge-optimised APIs end a stream that is idle for 30 s; regional ones wait 5 minutes.
  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "proxy" {
  for_each = aws_api_gateway_rest_api.rest

  rest_api_id = each.value.id
  parent_id   = each.value.root_resource_id
  path_part   = "{proxy+}"
}

resource "aws_api_gateway_method" "any" {
  for_each = local.rest_resources

  rest_api_id   = each.value.api
  resource_id   = each.value.id
  http_method   = "ANY"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "any" {
  for_each = aws_api_gateway_method.any

  rest_api_id             = each.value.rest_api_id
  resource_id             = each.value.resource_id
  http_method             = each.value.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = local.rest_uris[var.response_mode]
  response_transfer_mode  = var.response_mode == "stream" ? "STREAM" : "BUFFERED"
  timeout_milliseconds    = local.endpoint_timeout * 1000
}

# A deployment is a snapshot: whatever it shows must be in triggers.
resource "aws_api_gateway_deployment" "rest" {
  for_each = aws_api_gateway_rest_api.rest

  rest_api_id = each.value.id

  triggers = {
    content = sha1(jsonencode([
      each.value.binary_media_types,
      aws_api_gateway_resource.proxy[each.key].id,
      values(aws_api_gateway_method.any),
      values(aws_api_gateway_integration.any),
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  for_each = aws_api_gateway_deployment.rest

  rest_api_id          = each.value.rest_api_id
  deployment_id        = each.value.id
  stage_name           = local.rest_stage
  xray_tracing_enabled = var.tracing

  dynamic "access_log_settings" {
    for_each = aws_cloudwatch_log_group.access

    content {
      destination_arn = access_log_settings.value.arn
      format          = local.access_log_format
    }
  }
}

resource "aws_api_gateway_method_settings" "all" {
  for_each = aws_api_gateway_stage.live

  rest_api_id = each.value.rest_api_id
  stage_name  = each.value.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = local.throttling.rate
    throttling_burst_limit = local.throttling.burst
  }
}

resource "aws_lambda_permission" "rest_api" {
  for_each = aws_api_gateway_rest_api.rest

  statement_id  = "RestApi"
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${each.value.execution_arn}/${local.rest_stage}/*"
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
}

# What the provider would compute, in the form in which AWS gives it: made-up text
# would not pass for an ARN.

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
}

mock_resource "aws_iam_role" {
  defaults = {
    id   = "mocked-role"
    name = "mocked-role"
    arn  = "arn:aws:iam::123456789012:role/mocked-role"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn     = "arn:aws:lambda:eu-central-1:123456789012:function:mocked"
    version = "8"
  }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn        = "arn:aws:lambda:eu-central-1:123456789012:function:mocked:live"
    invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:mocked:live/invocations"
  }
}

mock_resource "aws_lambda_function_url" {
  defaults = { function_url = "https://mocked.lambda-url.eu-central-1.on.aws/" }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    id            = "mocked-http"
    api_endpoint  = "https://mocked-http.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:mocked-http"
  }
}

mock_resource "aws_apigatewayv2_integration" {
  defaults = { id = "mocked-integration" }
}

mock_resource "aws_api_gateway_rest_api" {
  defaults = {
    id               = "mocked-rest"
    root_resource_id = "mocked-root"
    execution_arn    = "arn:aws:execute-api:eu-central-1:123456789012:mocked-rest"
  }
}

mock_resource "aws_api_gateway_resource" {
  defaults = { id = "mocked-proxy" }
}

mock_resource "aws_api_gateway_deployment" {
  defaults = { id = "mocked-deployment" }
}

mock_resource "aws_api_gateway_stage" {
  defaults = { invoke_url = "https://mocked-rest.execute-api.eu-central-1.amazonaws.com/live" }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mocked/0123456789abcdef" }
}

mock_data "aws_lb_listener" {
  defaults = {
    load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/mocked/0123456789abcdef"
    protocol          = "HTTPS"
    port              = 443
  }
}

mock_data "aws_lb" {
  defaults = { dns_name = "mocked-1234567890.eu-central-1.elb.amazonaws.com" }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:mocked-dead-letters"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/mocked-dead-letters"
  }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mocked" }
}

mock_resource "aws_scheduler_schedule" {
  defaults = { arn = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/mocked" }
}

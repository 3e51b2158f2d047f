# The function, its role, its log group and the alias that everything calls. Each
# endpoint type has a file of its own.

locals {
  zip_file = var.zip_file != null ? var.zip_file : "${path.module}/../dist/lambda-${var.architecture == "x86_64" ? "amd64" : "arm64"}.zip"

  # What the program reads. The names are compared with the program's in env_test.go.
  settings = {
    TRANSPORT         = var.transport
    LOG_LEVEL         = var.log_level
    RESPONSE_MODE     = var.response_mode
    BASE_PATH         = var.base_path
    METRICS           = var.metrics
    METRICS_NAMESPACE = var.metrics_namespace
    DEADLINE_MARGIN   = var.deadline_margin
    CORS_ORIGINS      = join(",", var.cors)
    RPC               = var.rpc ? "on" : "off"
    RUNTIME_LIMITS    = var.runtime_limits
    EVENTS            = join(",", var.events)
    FAIL_ON_5XX       = var.fail_on_5xx ? "on" : "off"
  }

  # What Go's runtime reads. With less than one core, the program sets GOMAXPROCS to 1
  # itself, but by then Go has started with two processors.
  runtime = var.runtime_limits == "auto" && var.memory_size < 1769 ? { GOMAXPROCS = "1" } : {}

  # What OpenTelemetry's SDK reads, if the program uses it. Lambda tells a function
  # without tracing that no trace is sampled, which the SDK would follow.
  telemetry = var.otlp_endpoint == null ? {} : {
    OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint
    OTEL_PROPAGATORS            = var.tracing ? "xray,tracecontext" : "tracecontext"
  }

  log_retentions = [
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
  ]
}

# Created here and not by Lambda, so that retention is set and the role need not
# create log groups.
resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  description = "Execution role of the Lambda function ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  name = "logs-and-traces"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "WriteOwnLogGroup"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      }],
      [for on in [var.tracing] : {
        Sid      = "WriteTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = "*" # these actions do not support resources
      } if on],
    )
  })
}

resource "aws_lambda_function" "gateway" {
  function_name = var.name
  description   = "gRPC services behind grpc-gateway"
  role          = aws_iam_role.function.arn

  filename         = local.zip_file
  source_code_hash = filebase64sha256(local.zip_file)
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  layers           = var.layers
  publish          = true

  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = merge(local.runtime, local.telemetry, var.environment, local.settings)
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.function.name
    log_format = "JSON"
    # The same as LOG_LEVEL, which is also the level of the program's metric lines.
    # Lambda drops lines below this level.
    application_log_level = upper(var.log_level)
    system_log_level      = upper(var.system_log_level)
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # The first invocation needs the permission to log.
  depends_on = [aws_iam_role_policy.function]
}

# Every endpoint calls the alias, never $LATEST: a version goes live, or back, in
# one step.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "Version that the endpoint calls"
  function_name    = aws_lambda_function.gateway.function_name
  function_version = var.live_version != null ? var.live_version : aws_lambda_function.gateway.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  for_each = toset(var.provisioned_concurrency != null ? ["live"] : [])

  function_name                     = aws_lambda_alias.live.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

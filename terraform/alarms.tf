# Optional alarms on what Lambda itself measures. An error here is an invocation
# that failed, by a crash or the timeout; a 500 that the gateway answered is none.

locals {
  alarms = var.alarms == null ? {} : {
    errors = {
      metric      = "Errors"
      statistic   = "Sum"
      percentile  = null
      threshold   = var.alarms.errors
      description = "Invocations of ${var.name} failed (a crash or the timeout)"
    }
    throttles = {
      metric      = "Throttles"
      statistic   = "Sum"
      percentile  = null
      threshold   = var.alarms.throttles
      description = "Invocations of ${var.name} were throttled"
    }
    p99-duration = {
      metric      = "Duration"
      statistic   = null
      percentile  = "p99"
      threshold   = var.alarms.p99_duration_ms != null ? var.alarms.p99_duration_ms : var.timeout * 800
      description = "The p99 duration of ${var.name} is above the threshold in ms"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.gateway.function_name }
  statistic           = each.value.statistic
  extended_statistic  = each.value.percentile
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # no invocations, no alarm
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
}

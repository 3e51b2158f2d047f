# endpoint_type = "alb": a rule on the listener of an existing Application Load
# Balancer.

locals {
  alb_paths = (
    try(var.alb.paths, null) != null ? var.alb.paths :
    var.base_path != "" ? [var.base_path, "${var.base_path}/*"] : ["/*"]
  )

  # The first host without a wildcard, otherwise the load balancer's own name.
  alb_url = {
    for type, listener in data.aws_lb_listener.alb : type => join("", [
      lower(listener.protocol), "://",
      concat([for host in var.alb.hosts : host if !can(regex("[*?]", host))], [data.aws_lb.alb[type].dns_name])[0],
      contains(["HTTP:80", "HTTPS:443"], "${listener.protocol}:${listener.port}") ? "" : ":${listener.port}",
    ])
  }
}

data "aws_lb_listener" "alb" {
  for_each = local.endpoint.alb

  arn = var.alb.listener_arn
}

data "aws_lb" "alb" {
  for_each = data.aws_lb_listener.alb

  arn = each.value.load_balancer_arn
}

resource "aws_lb_target_group" "function" {
  for_each = local.endpoint.alb

  name        = var.name
  target_type = "lambda"

  # Without this, only the last of several headers or parameters with the same name is passed.
  lambda_multi_value_headers_enabled = true
}

resource "aws_lambda_permission" "alb" {
  for_each = aws_lb_target_group.function

  statement_id  = "LoadBalancer"
  action        = "lambda:InvokeFunction"
  principal     = "elasticloadbalancing.amazonaws.com"
  source_arn    = each.value.arn
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
}

resource "aws_lb_target_group_attachment" "function" {
  for_each = aws_lb_target_group.function

  target_group_arn = each.value.arn
  target_id        = aws_lambda_alias.live.arn

  # The load balancer checks its permission when the target is registered.
  depends_on = [aws_lambda_permission.alb]
}

resource "aws_lb_listener_rule" "function" {
  for_each = aws_lb_target_group.function

  listener_arn = var.alb.listener_arn
  priority     = var.alb.priority

  action {
    type             = "forward"
    target_group_arn = each.value.arn
  }

  condition {
    path_pattern {
      values = local.alb_paths
    }
  }

  dynamic "condition" {
    for_each = length(var.alb.hosts) > 0 ? ["hosts"] : []

    content {
      host_header {
        values = var.alb.hosts
      }
    }
  }
}

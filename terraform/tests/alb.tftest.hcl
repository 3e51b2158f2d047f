# endpoint_type = "alb".

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file      = "tests/stand-in.txt"
  endpoint_type = "alb"
  alb           = { listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210" }
}

run "a_rule_on_the_listener_forwards_to_the_alias" {
  assert {
    condition = (
      aws_lb_listener_rule.function["alb"].listener_arn == var.alb.listener_arn &&
      aws_lb_listener_rule.function["alb"].action[0].type == "forward" &&
      aws_lb_listener_rule.function["alb"].action[0].target_group_arn == aws_lb_target_group.function["alb"].arn
    )
    error_message = "the rule does not forward from the listener to the target group"
  }

  assert {
    condition     = [for condition in aws_lb_listener_rule.function["alb"].condition : condition.path_pattern[0].values] == [toset(["/*"])]
    error_message = "the rule does not take every path"
  }

  assert {
    condition = (
      aws_lb_target_group.function["alb"].target_type == "lambda" &&
      aws_lb_target_group.function["alb"].lambda_multi_value_headers_enabled
    )
    error_message = "the target group is not for a function, or passes only the last of several headers"
  }

  assert {
    condition = (
      aws_lb_target_group_attachment.function["alb"].target_group_arn == aws_lb_target_group.function["alb"].arn &&
      aws_lb_target_group_attachment.function["alb"].target_id == aws_lambda_alias.live.arn
    )
    error_message = "the target is not the alias"
  }

  assert {
    condition     = output.endpoint == "https://mocked-1234567890.eu-central-1.elb.amazonaws.com"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "hosts_priority_and_paths" {
  variables {
    base_path = "/shop"
    alb = {
      listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210"
      priority     = 10
      hosts        = ["*.example.com", "api.example.com"]
    }
  }

  assert {
    condition     = aws_lb_listener_rule.function["alb"].priority == 10
    error_message = "the priority is another"
  }

  assert {
    condition     = toset(flatten([for condition in aws_lb_listener_rule.function["alb"].condition : [for path in condition.path_pattern : tolist(path.values)]])) == toset(["/shop", "/shop/*"])
    error_message = "the rule does not take what is below the base path, and only that"
  }

  assert {
    condition     = toset(flatten([for condition in aws_lb_listener_rule.function["alb"].condition : [for host in condition.host_header : tolist(host.values)]])) == toset(["*.example.com", "api.example.com"])
    error_message = "the rule does not take the hosts"
  }

  assert {
    condition     = output.endpoint == "https://api.example.com/shop"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "paths_of_ones_own_and_a_listener_on_another_port" {
  variables {
    alb = {
      listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/mocked/0123456789abcdef/fedcba9876543210"
      paths        = ["/v1/*"]
    }
  }

  override_data {
    target = data.aws_lb_listener.alb
    values = {
      load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/mocked/0123456789abcdef"
      protocol          = "HTTP"
      port              = 8080
    }
  }

  assert {
    condition     = [for condition in aws_lb_listener_rule.function["alb"].condition : condition.path_pattern[0].values] == [toset(["/v1/*"])]
    error_message = "the rule takes other paths"
  }

  assert {
    condition     = output.endpoint == "http://mocked-1234567890.eu-central-1.elb.amazonaws.com:8080"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "only_this_target_group_may_call_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.alb["alb"].action == "lambda:InvokeFunction" &&
      aws_lambda_permission.alb["alb"].principal == "elasticloadbalancing.amazonaws.com" &&
      aws_lambda_permission.alb["alb"].source_arn == aws_lb_target_group.function["alb"].arn &&
      aws_lambda_permission.alb["alb"].qualifier == "live"
    )
    error_message = "the load balancer may not call the alias, or more may be called or may call"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_apigatewayv2_api.http) + length(aws_apigatewayv2_stage.default) + length(aws_lambda_permission.http_api) +
      length(aws_lambda_function_url.live) + length(aws_lambda_permission.function_url) + length(aws_lambda_permission.function_url_invoke) +
      length(aws_api_gateway_rest_api.rest) + length(aws_api_gateway_stage.live) + length(aws_lambda_permission.rest_api) +
      length(aws_cloudwatch_log_group.access)
    )
    error_message = "another endpoint, or its access log, is there too"
  }
}

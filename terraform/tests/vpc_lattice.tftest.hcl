# endpoint_type = "vpc_lattice".

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  zip_file      = "tests/stand-in.txt"
  endpoint_type = "vpc_lattice"
  vpc_lattice   = { service_id = "svc-0123456789abcdef0", listener_id = "listener-0123456789abcdef0" }
}

run "a_rule_on_the_listener_forwards_to_the_alias" {
  assert {
    condition = (
      aws_vpclattice_listener_rule.function["vpc_lattice"].service_identifier == "svc-0123456789abcdef0" &&
      aws_vpclattice_listener_rule.function["vpc_lattice"].listener_identifier == "listener-0123456789abcdef0" &&
      aws_vpclattice_listener_rule.function["vpc_lattice"].priority == 10 &&
      aws_vpclattice_listener_rule.function["vpc_lattice"].action[0].forward[0].target_groups[0].target_group_identifier == aws_vpclattice_target_group.function["vpc_lattice"].id
    )
    error_message = "the rule does not forward from the listener to the target group"
  }

  assert {
    condition     = aws_vpclattice_listener_rule.function["vpc_lattice"].match[0].http_match[0].path_match[0].match[0].prefix == "/"
    error_message = "the rule does not take every path"
  }

  assert {
    condition = (
      aws_vpclattice_target_group.function["vpc_lattice"].type == "LAMBDA" &&
      aws_vpclattice_target_group.function["vpc_lattice"].config[0].lambda_event_structure_version == "V2"
    )
    error_message = "the target group is not for a function, or its events do not tell who calls"
  }

  assert {
    condition = (
      aws_vpclattice_target_group_attachment.function["vpc_lattice"].target_group_identifier == aws_vpclattice_target_group.function["vpc_lattice"].id &&
      aws_vpclattice_target_group_attachment.function["vpc_lattice"].target[0].id == aws_lambda_alias.live.arn
    )
    error_message = "the target is not the alias"
  }

  assert {
    condition     = output.endpoint == "https://mocked-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-central-1.on.aws"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "below_a_base_path_on_a_domain_of_ones_own" {
  variables {
    base_path   = "/shop"
    vpc_lattice = { service_id = "svc-0123456789abcdef0", listener_id = "listener-0123456789abcdef0", priority = 7 }
  }

  override_data {
    target = data.aws_vpclattice_service.service
    values = { custom_domain_name = "orders.internal.example.com" }
  }

  override_data {
    target = data.aws_vpclattice_listener.service
    values = {
      protocol = "HTTP"
      port     = 8080
    }
  }

  assert {
    condition = (
      aws_vpclattice_listener_rule.function["vpc_lattice"].match[0].http_match[0].path_match[0].match[0].prefix == "/shop" &&
      aws_vpclattice_listener_rule.function["vpc_lattice"].priority == 7
    )
    error_message = "the rule takes other paths, or has another priority"
  }

  assert {
    condition     = output.endpoint == "http://orders.internal.example.com:8080/shop"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

run "a_prefix_of_ones_own" {
  variables {
    vpc_lattice = { service_id = "svc-0123456789abcdef0", listener_id = "listener-0123456789abcdef0", path_prefix = "/v1" }
  }

  assert {
    condition     = aws_vpclattice_listener_rule.function["vpc_lattice"].match[0].http_match[0].path_match[0].match[0].prefix == "/v1"
    error_message = "the rule takes other paths"
  }
}

run "only_this_target_group_may_call_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.vpc_lattice["vpc_lattice"].action == "lambda:InvokeFunction" &&
      aws_lambda_permission.vpc_lattice["vpc_lattice"].principal == "vpc-lattice.amazonaws.com" &&
      aws_lambda_permission.vpc_lattice["vpc_lattice"].source_arn == aws_vpclattice_target_group.function["vpc_lattice"].arn &&
      aws_lambda_permission.vpc_lattice["vpc_lattice"].qualifier == "live"
    )
    error_message = "VPC Lattice may not call the alias, or more may be called or may call"
  }
}

run "nothing_of_the_other_types" {
  assert {
    condition = 0 == (
      length(aws_apigatewayv2_api.http) + length(aws_lambda_permission.http_api) + length(aws_lambda_function_url.live) +
      length(aws_api_gateway_rest_api.rest) + length(aws_lambda_permission.rest_api) +
      length(aws_lb_target_group.function) + length(aws_lb_listener_rule.function) + length(aws_lambda_permission.alb) +
      length(aws_cloudwatch_log_group.access)
    )
    error_message = "another endpoint, or its access log, is there too"
  }
}

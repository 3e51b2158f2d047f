# The rule, the target group, the target and the permission.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "orders"
  alias_arn   = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live"
  service_id  = "svc-0123456789abcdef0"
  listener_id = "listener-0123456789abcdef0"
}

run "a_rule_on_the_listener_forwards_to_the_alias" {
  assert {
    condition = (
      aws_vpclattice_listener_rule.function.name == "orders" &&
      aws_vpclattice_listener_rule.function.service_identifier == "svc-0123456789abcdef0" &&
      aws_vpclattice_listener_rule.function.listener_identifier == "listener-0123456789abcdef0" &&
      aws_vpclattice_listener_rule.function.priority == 10 &&
      aws_vpclattice_listener_rule.function.action[0].forward[0].target_groups[0].target_group_identifier == "tg-0123456789abcdef0"
    )
    error_message = "the rule does not forward from the listener to the target group"
  }

  assert {
    condition     = aws_vpclattice_listener_rule.function.match[0].http_match[0].path_match[0].match[0].prefix == "/"
    error_message = "the rule does not take every path"
  }

  assert {
    condition = (
      aws_vpclattice_target_group.function.name == "orders" &&
      aws_vpclattice_target_group.function.type == "LAMBDA" &&
      aws_vpclattice_target_group.function.config[0].lambda_event_structure_version == "V2"
    )
    error_message = "the target group is not for a function, or its events do not tell who calls"
  }

  assert {
    condition = (
      aws_vpclattice_target_group_attachment.function.target_group_identifier == "tg-0123456789abcdef0" &&
      aws_vpclattice_target_group_attachment.function.target[0].id == "arn:aws:lambda:eu-central-1:123456789012:function:orders:live"
    )
    error_message = "the target is not the alias"
  }

  assert {
    condition     = output.endpoint == "https://mocked-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-central-1.on.aws"
    error_message = "the endpoint is ${output.endpoint}"
  }

  assert {
    condition     = output.target_group_arn == "arn:aws:vpc-lattice:eu-central-1:123456789012:targetgroup/tg-0123456789abcdef0"
    error_message = "the target group is ${output.target_group_arn}"
  }
}

run "only_this_target_group_may_call_and_only_the_alias" {
  assert {
    condition = (
      aws_lambda_permission.vpc_lattice.statement_id == "VPCLattice-orders" &&
      aws_lambda_permission.vpc_lattice.action == "lambda:InvokeFunction" &&
      aws_lambda_permission.vpc_lattice.principal == "vpc-lattice.amazonaws.com" &&
      aws_lambda_permission.vpc_lattice.source_arn == "arn:aws:vpc-lattice:eu-central-1:123456789012:targetgroup/tg-0123456789abcdef0" &&
      aws_lambda_permission.vpc_lattice.function_name == "orders" &&
      aws_lambda_permission.vpc_lattice.qualifier == "live"
    )
    error_message = "VPC Lattice may not call the alias, or more may be called or may call"
  }
}

run "priority_and_paths" {
  variables {
    priority    = 7
    path_prefix = "/v1"
  }

  assert {
    condition = (
      aws_vpclattice_listener_rule.function.match[0].http_match[0].path_match[0].match[0].prefix == "/v1" &&
      aws_vpclattice_listener_rule.function.priority == 7
    )
    error_message = "the rule takes other paths, or has another priority"
  }
}

run "by_arn" {
  variables {
    service_id  = "arn:aws:vpc-lattice:eu-central-1:123456789012:service/svc-0123456789abcdef0"
    listener_id = "arn:aws:vpc-lattice:eu-central-1:123456789012:service/svc-0123456789abcdef0/listener/listener-0123456789abcdef0"
  }

  assert {
    condition = (
      aws_vpclattice_listener_rule.function.service_identifier == var.service_id &&
      aws_vpclattice_listener_rule.function.listener_identifier == var.listener_id
    )
    error_message = "the rule is on another listener"
  }
}

run "a_domain_of_ones_own_and_a_listener_on_another_port" {
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
    condition     = output.endpoint == "http://orders.internal.example.com:8080"
    error_message = "the endpoint is ${output.endpoint}"
  }
}

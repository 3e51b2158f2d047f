# Beside the function of the module around this one.

mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked-role" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live" }
  }
}

run "function" {
  module {
    source = "../"
  }

  variables {
    name          = "orders"
    zip_file      = "../tests/stand-in.txt"
    endpoint_type = "none"
  }
}

run "the_rule_forwards_to_its_alias" {
  variables {
    name        = run.function.function_name
    alias_arn   = run.function.alias_arn
    service_id  = "svc-0123456789abcdef0"
    listener_id = "listener-0123456789abcdef0"
  }

  assert {
    condition = (
      aws_vpclattice_target_group_attachment.function.target[0].id == run.function.alias_arn &&
      aws_lambda_permission.vpc_lattice.function_name == run.function.function_name &&
      aws_lambda_permission.vpc_lattice.qualifier == run.function.alias
    )
    error_message = "the function is another, or VPC Lattice may not call it"
  }
}

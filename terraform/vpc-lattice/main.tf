# A rule on a listener of an existing VPC Lattice service that forwards to an alias
# of a function.

locals {
  # arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS
  alias = split(":", var.alias_arn)
}

data "aws_vpclattice_service" "service" {
  service_identifier = var.service_id
}

data "aws_vpclattice_listener" "service" {
  service_identifier  = var.service_id
  listener_identifier = var.listener_id
}

resource "aws_vpclattice_target_group" "function" {
  name = var.name
  type = "LAMBDA"

  config {
    # Version 1 contains neither the caller nor the network, and joins headers.
    lambda_event_structure_version = "V2"
  }
}

resource "aws_lambda_permission" "vpc_lattice" {
  statement_id  = "VPCLattice-${var.name}"
  action        = "lambda:InvokeFunction"
  principal     = "vpc-lattice.amazonaws.com"
  source_arn    = aws_vpclattice_target_group.function.arn
  function_name = local.alias[6]
  qualifier     = local.alias[7]
}

resource "aws_vpclattice_target_group_attachment" "function" {
  target_group_identifier = aws_vpclattice_target_group.function.id

  target {
    id = var.alias_arn
  }

  depends_on = [aws_lambda_permission.vpc_lattice]
}

resource "aws_vpclattice_listener_rule" "function" {
  name                = var.name
  service_identifier  = var.service_id
  listener_identifier = var.listener_id
  priority            = var.priority

  match {
    http_match {
      path_match {
        case_sensitive = true

        match {
          prefix = var.path_prefix
        }
      }
    }
  }

  action {
    forward {
      target_groups {
        target_group_identifier = aws_vpclattice_target_group.function.id
      }
    }
  }
}

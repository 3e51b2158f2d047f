# endpoint_type = "vpc_lattice": a rule on a listener of an existing VPC Lattice
# service.

locals {
  vpc_lattice_path = (
    try(var.vpc_lattice.path_prefix, null) != null ? var.vpc_lattice.path_prefix :
    var.base_path != "" ? var.base_path : "/"
  )

  vpc_lattice_url = {
    for type, listener in data.aws_vpclattice_listener.service : type => join("", [
      lower(listener.protocol), "://",
      try(coalesce(data.aws_vpclattice_service.service[type].custom_domain_name), data.aws_vpclattice_service.service[type].dns_entry[0].domain_name),
      contains(["HTTP:80", "HTTPS:443"], "${listener.protocol}:${listener.port}") ? "" : ":${listener.port}",
    ])
  }
}

data "aws_vpclattice_service" "service" {
  for_each = local.endpoint.vpc_lattice

  service_identifier = var.vpc_lattice.service_id
}

data "aws_vpclattice_listener" "service" {
  for_each = local.endpoint.vpc_lattice

  service_identifier  = var.vpc_lattice.service_id
  listener_identifier = var.vpc_lattice.listener_id
}

resource "aws_vpclattice_target_group" "function" {
  for_each = local.endpoint.vpc_lattice

  name = var.name
  type = "LAMBDA"

  config {
    # Version 1 tells neither the caller nor the network, and joins headers.
    lambda_event_structure_version = "V2"
  }
}

resource "aws_lambda_permission" "vpc_lattice" {
  for_each = aws_vpclattice_target_group.function

  statement_id  = "VPCLattice"
  action        = "lambda:InvokeFunction"
  principal     = "vpc-lattice.amazonaws.com"
  source_arn    = each.value.arn
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
}

resource "aws_vpclattice_target_group_attachment" "function" {
  for_each = aws_vpclattice_target_group.function

  target_group_identifier = each.value.id

  target {
    id = aws_lambda_alias.live.arn
  }

  depends_on = [aws_lambda_permission.vpc_lattice]
}

resource "aws_vpclattice_listener_rule" "function" {
  for_each = aws_vpclattice_target_group.function

  name                = var.name
  service_identifier  = var.vpc_lattice.service_id
  listener_identifier = var.vpc_lattice.listener_id
  priority            = var.vpc_lattice.priority

  match {
    http_match {
      path_match {
        case_sensitive = true

        match {
          prefix = local.vpc_lattice_path
        }
      }
    }
  }

  action {
    forward {
      target_groups {
        target_group_identifier = each.value.id
      }
    }
  }
}

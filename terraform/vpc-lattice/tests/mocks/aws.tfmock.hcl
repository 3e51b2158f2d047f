# What the provider would compute, in the form in which AWS gives it.

mock_resource "aws_vpclattice_target_group" {
  defaults = {
    id  = "tg-0123456789abcdef0"
    arn = "arn:aws:vpc-lattice:eu-central-1:123456789012:targetgroup/tg-0123456789abcdef0"
  }
}

mock_data "aws_vpclattice_service" {
  defaults = {
    custom_domain_name = ""
    dns_entry          = [{ domain_name = "mocked-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-central-1.on.aws", hosted_zone_id = "Z0" }]
  }
}

mock_data "aws_vpclattice_listener" {
  defaults = {
    protocol = "HTTPS"
    port     = 443
  }
}

terraform {
  # 1.9: a variable's validation may refer to other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.28: aws_lambda_permission.invoked_via_function_url. The other newcomer,
      # aws_api_gateway_integration.response_transfer_mode, is older than that.
      version = ">= 6.28, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ Name = var.name, ManagedBy = "terraform" }, var.tags)
  }
}

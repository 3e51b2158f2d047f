# The same versions as in the module terraform/. The provider comes from the
# configuration that uses this module; its region must be the function's.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.28, < 7.0"
    }
  }
}

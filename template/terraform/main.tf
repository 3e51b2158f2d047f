module "api" {
  source = "github.com/lambda-grpc/lambda-grpc-gateway//terraform?ref=v0.1.0"

  name     = var.name
  zip_file = "${path.module}/../dist/lambda-arm64.zip"
}

variable "name" {
  description = "Name of the function and of its other resources."
  type        = string
  default     = "orders"
}

output "endpoint" {
  description = "Base URL of the API."
  value       = module.api.endpoint
}

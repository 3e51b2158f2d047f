# endpoint_type = "function_url": the function's own HTTPS address.

locals {
  function_url_auth = (
    var.endpoint_type != "function_url" ? "" :
    var.function_url_auth != null ? var.function_url_auth : "AWS_IAM"
  )

  # "*" allows everybody. With AWS_IAM it is this account, and the account's IAM
  # policies say who may call.
  function_url_principal = {
    for type in local.endpoint.function_url :
    type => local.function_url_auth == "NONE" ? "*" : data.aws_caller_identity.function_url[type].account_id
  }
}

data "aws_caller_identity" "function_url" {
  for_each = local.endpoint.function_url
}

resource "aws_lambda_function_url" "live" {
  for_each = local.endpoint.function_url

  function_name      = aws_lambda_alias.live.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = local.function_url_auth
  invoke_mode        = var.response_mode == "stream" ? "RESPONSE_STREAM" : "BUFFERED"
}

# A Function URL needs both of these. With NONE the provider adds similar ones
# when it creates the URL, under the names FunctionURLAllowPublicAccess and
# FunctionURLAllowInvokeAction, and never removes them. These have other names, so
# they do not clash with those.
resource "aws_lambda_permission" "function_url" {
  for_each = local.function_url_principal

  statement_id           = "FunctionUrl"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = each.value
  function_url_auth_type = local.function_url_auth
  function_name          = aws_lambda_alias.live.function_name
  qualifier              = aws_lambda_alias.live.name
}

resource "aws_lambda_permission" "function_url_invoke" {
  for_each = local.function_url_principal

  statement_id             = "FunctionUrlInvoke"
  action                   = "lambda:InvokeFunction"
  principal                = each.value
  invoked_via_function_url = true
  function_name            = aws_lambda_alias.live.function_name
  qualifier                = aws_lambda_alias.live.name
}

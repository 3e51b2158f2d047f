# A value that VPC Lattice or Lambda would refuse is refused at plan time.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "orders"
  alias_arn   = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live"
  service_id  = "svc-0123456789abcdef0"
  listener_id = "listener-0123456789abcdef0"
}

run "name_of_two_characters" {
  command = plan

  variables {
    name = "ab"
  }

  expect_failures = [var.name]
}

run "name_of_64_characters" {
  command = plan

  variables {
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.name]
}

run "name_with_two_hyphens_in_a_row" {
  command = plan

  variables {
    name = "or--ders"
  }

  expect_failures = [var.name]
}

run "name_that_begins_as_the_id_of_a_target_group" {
  command = plan

  variables {
    name = "tg-orders"
  }

  expect_failures = [var.name]
}

run "name_that_begins_as_the_id_of_a_rule" {
  command = plan

  variables {
    name = "rule-orders"
  }

  expect_failures = [var.name]
}

run "name_with_a_capital" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "alias_arn_of_the_function_alone" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders"
  }

  expect_failures = [var.alias_arn]
}

run "alias_arn_of_the_latest_version" {
  command = plan

  variables {
    alias_arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders:$LATEST"
  }

  expect_failures = [var.alias_arn]
}

run "alias_by_name" {
  command = plan

  variables {
    alias_arn = "live"
  }

  expect_failures = [var.alias_arn]
}

run "service_that_is_a_network" {
  command = plan

  variables {
    service_id = "sn-0123456789abcdef0"
  }

  expect_failures = [var.service_id]
}

run "listener_by_name" {
  command = plan

  variables {
    listener_id = "https"
  }

  expect_failures = [var.listener_id]
}

run "priority_0" {
  command = plan

  variables {
    priority = 0
  }

  expect_failures = [var.priority]
}

run "priority_above_100" {
  command = plan

  variables {
    priority = 101
  }

  expect_failures = [var.priority]
}

run "priority_that_is_not_whole" {
  command = plan

  variables {
    priority = 1.5
  }

  expect_failures = [var.priority]
}

run "path_without_a_slash" {
  command = plan

  variables {
    path_prefix = "v1"
  }

  expect_failures = [var.path_prefix]
}

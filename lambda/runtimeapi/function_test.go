package runtimeapi_test

func runFunction(string) {}

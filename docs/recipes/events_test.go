package recipes_test

func Example_serverSentEvents() {
	svc := open(bindOrders(orders{}))
	defer svc.Close()
	show(call(svc, "GET", "/v1/orders/1:watch", "", "Accept", "text/event-stream"), "Content-Type")
	show(call(svc, "GET", "/v1/orders/1:watch", ""), "Content-Type")
	// Output:
	// 200
	// Content-Type: text/event-stream
	// data: {"id":"1","item":"teapot","quantity":1}
	//
	// data: {"id":"1","item":"teapot","quantity":2}
	// 200
	// Content-Type: application/json
	// {"result":{"id":"1","item":"teapot","quantity":1}}
	// {"result":{"id":"1","item":"teapot","quantity":2}}
}

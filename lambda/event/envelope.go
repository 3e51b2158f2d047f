package event

// envelope is an event of any source: the union of the fields that the sources
// need. Objects and arrays stay JSON text, empty if absent or null, since the
// source decides which of them count.
type envelope struct {
	version    string
	httpMethod string
	method     string // of VPC Lattice
	resource   string
	path       string
	rawPath    string
	rawPathV1  string // raw_path, of VPC Lattice
	rawQuery   string

	headers      string
	multiHeaders string
	query        string
	multiQuery   string
	cookies      string
	body         string // the JSON string, still quoted
	largeBody    []byte // the same within the payload, if decodePayload cut it out of the text
	base64       bool

	pathParameters string
	stageVariables string

	authorizerEvent bool // methodArn or routeArn
	context         requestContext
	contextText     string
}

// requestContext is the event's requestContext.
type requestContext struct {
	accountID    string
	apiID        string
	domainName   string
	domainPrefix string
	requestID    string
	resourceID   string
	resourcePath string
	routeKey     string
	stage        string

	serviceNetworkARN string // of VPC Lattice, as the next one
	serviceARN        string

	method         string // http.method, and so on
	httpPath       string
	sourceIP       string
	identity       string
	authentication string
	authorizer     string
	elb            string
	webSocket      bool // connectionId or eventType
}

// maxHeadBytes is the maximum size of a request's path, query and header in an
// event. It is the limit of net/http's server (http.DefaultMaxHeaderBytes) and
// more than any source passes on.
const maxHeadBytes = 1 << 20

// headSize returns the size of the path, query and header in the event.
func (e *envelope) headSize() int {
	return len(e.path) + len(e.rawPath) + len(e.rawPathV1) + len(e.rawQuery) + len(e.cookies) +
		max(len(e.headers), len(e.multiHeaders)) + max(len(e.query), len(e.multiQuery))
}

// ofAPI reports whether c is the requestContext of an API in API Gateway.
func (c *requestContext) ofAPI() bool { return c.apiID != "" || c.stage != "" }

// parseEnvelope reads an event, which is a JSON object. The envelope refers to
// payload.
func parseEnvelope(payload string) (envelope, error) {
	var e envelope
	p := parser{s: payload}
	p.object(func(key string) {
		switch key {
		case "version":
			e.version = p.text()
		case "httpMethod":
			e.httpMethod = p.text()
		case "method":
			if p.peek() != '"' { // not an event of a source; its members may have any type
				p.skip()
				return
			}
			e.method = p.text()
		case "resource":
			e.resource = p.text()
		case "path":
			e.path = p.text()
		case "rawPath":
			e.rawPath = p.text()
		case "raw_path":
			e.rawPathV1 = p.text()
		case "rawQueryString":
			e.rawQuery = p.text()
		case "headers":
			e.headers = p.raw()
		case "multiValueHeaders":
			e.multiHeaders = p.raw()
		case "queryStringParameters", "query_string_parameters":
			e.query = p.raw()
		case "multiValueQueryStringParameters":
			e.multiQuery = p.raw()
		case "cookies":
			e.cookies = p.raw()
		case "body":
			e.body = p.raw()
		case "isBase64Encoded", "is_base64_encoded":
			e.base64 = p.boolean()
		case "methodArn", "routeArn":
			e.authorizerEvent = p.raw() != "" || e.authorizerEvent
		case "pathParameters":
			e.pathParameters = p.raw()
		case "stageVariables":
			e.stageVariables = p.raw()
		case "requestContext":
			if !p.null() {
				start := p.i
				e.context.parse(&p)
				e.contextText = p.s[start:p.i]
			}
		default:
			p.skip()
		}
	})
	if p.err == nil && p.peek() != 0 {
		p.fail("the end of the text")
	}
	return e, p.err
}

func (c *requestContext) parse(p *parser) {
	p.object(func(key string) {
		switch key {
		case "accountId":
			c.accountID = p.text()
		case "apiId":
			c.apiID = p.text()
		case "domainName":
			c.domainName = p.text()
		case "domainPrefix":
			c.domainPrefix = p.text()
		case "requestId":
			c.requestID = p.text()
		case "resourceId":
			c.resourceID = p.text()
		case "resourcePath":
			c.resourcePath = p.text()
		case "routeKey":
			c.routeKey = p.text()
		case "stage":
			c.stage = p.text()
		case "serviceNetworkArn":
			c.serviceNetworkARN = p.text()
		case "serviceArn":
			c.serviceARN = p.text()
		case "http":
			c.parseHTTP(p)
		case "identity":
			c.identity = p.raw()
		case "authentication":
			c.authentication = p.raw()
		case "authorizer":
			c.authorizer = p.raw()
		case "elb":
			c.elb = p.raw()
		case "connectionId", "eventType":
			c.webSocket = p.raw() != "" || c.webSocket
		default:
			p.skip()
		}
	})
}

func (c *requestContext) parseHTTP(p *parser) {
	p.object(func(key string) {
		switch key {
		case "method":
			c.method = p.text()
		case "path":
			c.httpPath = p.text()
		case "sourceIp":
			c.sourceIP = p.text()
		default:
			p.skip()
		}
	})
}

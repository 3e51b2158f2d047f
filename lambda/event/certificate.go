package event

// ClientCertificate is the certificate that a client presented to a custom domain
// of API Gateway with mutual TLS. API Gateway has verified it against the
// domain's trust store.
type ClientCertificate struct {
	PEM          string // the certificate
	Subject      string // a distinguished name, such as CN=ann,O=Example
	Issuer       string // a distinguished name
	SerialNumber string // in hexadecimal, the bytes separated by colons
	NotBefore    string // such as May 28 12:30:02 2019 GMT
	NotAfter     string
}

// readClientCertificate reads a clientCert. It returns nil for an empty one.
func readClientCertificate(raw string) (*ClientCertificate, error) {
	if raw == "" {
		return nil, nil
	}
	var c ClientCertificate
	p := parser{s: raw, at: "requestContext.clientCert"}
	p.object(func(key string) {
		switch key {
		case "clientCertPem":
			c.PEM = p.text()
		case "subjectDN":
			c.Subject = p.text()
		case "issuerDN":
			c.Issuer = p.text()
		case "serialNumber":
			c.SerialNumber = p.text()
		case "validity":
			p.object(func(key string) {
				switch key {
				case "notBefore":
					c.NotBefore = p.text()
				case "notAfter":
					c.NotAfter = p.text()
				default:
					p.skip()
				}
			})
		default:
			p.skip()
		}
	})
	if p.err != nil || c == (ClientCertificate{}) {
		return nil, p.err
	}
	return &c, nil
}

// readAuthentication reads requestContext.authentication of payload 2.0.
func readAuthentication(raw string) (*ClientCertificate, error) {
	if raw == "" {
		return nil, nil
	}
	var certificate string
	p := parser{s: raw, at: "requestContext.authentication"}
	p.object(func(key string) {
		if key == "clientCert" {
			certificate = p.raw()
			return
		}
		p.skip()
	})
	if p.err != nil {
		return nil, p.err
	}
	return readClientCertificate(certificate)
}

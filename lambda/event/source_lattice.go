package event

import (
	"cmp"
	"strings"
)

// lattice is an Amazon VPC Lattice service whose target group invokes the
// function, with version 2 or 1 of the event structure. One field has the path
// and the query as the client sent them. Version 1 joins the values of a repeated
// header and has no data about the network or the caller.
type lattice struct{ v2 bool }

// detectLattice detects version 2 by the ARNs in requestContext. Version 1 has no
// requestContext and is detected by raw_path. Both have method at the top level.
func detectLattice(e *envelope) (source, bool) {
	c := &e.context
	if c.serviceARN != "" || c.serviceNetworkARN != "" {
		return lattice{v2: true}, e.method != "" && e.version == "2.0"
	}
	return lattice{}, e.method != "" && e.rawPathV1 != "" && e.version == ""
}

func (l lattice) name() Source {
	if l.v2 {
		return VPCLattice
	}
	return VPCLatticeV1
}

func (lattice) responseFormat() responseFormat {
	return responseFormat{limit: latticeResponseLimit, limitOf: "VPC Lattice"}
}

// request takes the client's address from the end of X-Forwarded-For, which VPC
// Lattice writes. The query follows the path; handwritten events often have only
// parameters instead.
func (l lattice) request(e *envelope) (wireRequest, error) {
	path, query, ok := strings.Cut(cmp.Or(e.rawPathV1, e.path), "?")
	w := wireRequest{method: e.method, path: path, rawQuery: query}
	var err error
	if w.header, err = readHeader(e.headers, ""); err != nil {
		return w, err
	}
	w.client = lastElement(w.header.last("X-Forwarded-For"))
	proto := cmp.Or(w.header.last("X-Forwarded-For-Proto"), w.header.last("X-Forwarded-Proto"))
	w.https = lastElement(proto) == "https"
	if !ok {
		if w.rawQuery, err = readQuery(e.query, "", decodedQuery); err != nil {
			return w, err
		}
	}
	return w, w.readLatticeIdentity(e.context.identity)
}

// readLatticeIdentity reads requestContext.identity. It has a principal if the
// service or its network authenticates callers and the request is signed.
func (w *wireRequest) readLatticeIdentity(identity string) error {
	claims, err := readClaims("requestContext.identity", identity)
	w.sourceVPC = claims["sourceVpcArn"]
	if err != nil || claims["principal"] == "" {
		return err
	}
	delete(claims, "sourceVpcArn")
	w.authorizer = Authorizer{Type: IAMAuthorizer, Principal: claims["principal"], Claims: claims}
	return nil
}

package event

import (
	"cmp"
	"strings"
)

// lattice is an Amazon VPC Lattice service whose target group invokes the
// function, with version 2 or 1 of its event structure. Path and query are as
// the client sent them, in one field. Version 1 joins the values of a repeated
// header, and says nothing about the network or the caller.
type lattice struct{ v2 bool }

// detectLattice goes by the ARNs in requestContext, and in version 1, which has
// no requestContext, by the raw_path. The member method is in both at the top.
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
// Lattice writes, and the query from behind the path. Events that are written by
// hand often have it as parameters alone.
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
// service or its network authenticates callers and this one has signed.
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

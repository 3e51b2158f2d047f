// Package awsid makes identifiers in the formats of AWS.
package awsid

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Hex returns n random bytes in lower-case hexadecimal. It is for identifiers that
// must be distinct but not secret.
func Hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(b)
}

// UUID returns a version 4 UUID (RFC 9562, section 5.4), the format of Lambda's
// request ids and extension identifiers.
func UUID() string {
	hi, lo := rand.Uint64(), rand.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}

// TraceRoot returns the Root field of an X-Ray trace header for a request that
// arrives at now.
func TraceRoot(now time.Time) string {
	return "1-" + fmt.Sprintf("%08x", now.Unix()) + "-" + Hex(12)
}

// TraceID returns the X-Ray trace header of an invocation that is not sampled.
func TraceID(now time.Time) string {
	return "Root=" + TraceRoot(now) + ";Parent=" + Hex(8) + ";Sampled=0;Lineage=1:" +
		strconv.FormatUint(uint64(rand.Uint32()), 16) + ":0"
}

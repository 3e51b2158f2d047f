package main

import (
	"fmt"
	"math"
)

// A curve is a curve of BenchmarkGrowth, with the counts that a logarithmic axis can
// show.
type curve struct {
	Of     string
	counts []int
	r      *results
}

// Curves returns all curves of BenchmarkGrowth.
func (r *results) Curves() []curve {
	return []curve{
		{"bytes", []int{1 << 10, 16 << 10, 256 << 10, 5 << 20}, r}, {"messages", []int{1, 10, 100, 1000, 10000}, r},
		{"methods", []int{1, 10, 100, 1000}, r}, {"interceptors", []int{1, 5, 20}, r}, {"headers", []int{1, 10, 100}, r},
	}
}

func (c curve) First() int { return c.counts[0] }
func (c curve) Last() int  { return c.counts[len(c.counts)-1] }

func (c curve) cost(n int, transport string) float64 {
	return c.r.Median(fmt.Sprintf("Growth/of=%s/n=%d/transport=%s", c.Of, n, transport), "cpu-sec")
}

// Over returns the cost at both ends of the curve, and its slope at the end.
func (c curve) Over(transport string) struct{ First, Last, Order float64 } {
	before := c.counts[len(c.counts)-2]
	first, last := c.cost(c.First(), transport), c.cost(c.Last(), transport)
	order := math.Log(last/c.cost(before, transport)) / math.Log(float64(c.Last())/float64(before))
	return struct{ First, Last, Order float64 }{first, last, order}
}

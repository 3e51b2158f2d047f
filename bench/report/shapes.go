package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const barHeight = 0.56 // of a row

// distribution is the 5th, 25th, 50th, 75th and 95th percentile.
type distribution [5]float64

// distributions are drawn as lying boxes, the first on top.
type distributions []distribution

// span is the range of the axis that shows them all.
func (d distributions) span() (low, high float64) {
	low, high = d[0][0], d[0][4]
	for _, box := range d {
		low, high = min(low, box[0]), max(high, box[4])
	}
	return low / 1.15, high * 1.15
}

func (d distributions) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	fill := palette()[0]
	line := draw.LineStyle{Color: fill, Width: vg.Points(1.5)}
	median := draw.LineStyle{Color: color.Black, Width: vg.Points(2.5)}
	for i, box := range d {
		row := float64(len(d) - 1 - i)
		top, bottom := y(row+barHeight/2), y(row-barHeight/2)
		c.StrokeLine2(line, x(box[0]), y(row), x(box[4]), y(row))
		c.FillPolygon(fill, rectangle(x(box[1]), bottom, x(box[3]), top))
		c.StrokeLine2(median, x(box[2]), bottom, x(box[2]), top)
		label(c, p, digits(box[2]), x(box[2]), top)
	}
}

// stack is the parts of one bar.
type stack []float64

// stacks are drawn as lying bars, the first on top, with their sums.
type stacks []stack

func (s stacks) longest() float64 {
	longest := 0.0
	for _, bar := range s {
		longest = max(longest, bar.sum())
	}
	return longest
}

func (s stack) sum() (sum float64) {
	for _, part := range s {
		sum += part
	}
	return sum
}

func (s stacks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, bar := range s {
		row := float64(len(s) - 1 - i)
		top, bottom := y(row+barHeight/2), y(row-barHeight/2)
		at := 0.0
		for j, part := range bar {
			c.FillPolygon(palette()[j], rectangle(x(at), bottom, x(at+part), top))
			at += part
		}
		label(c, p, digits(bar.sum()), x(bar.sum()), top)
	}
}

func rectangle(left, bottom, right, top vg.Length) []vg.Point {
	return []vg.Point{{X: left, Y: bottom}, {X: left, Y: top}, {X: right, Y: top}, {X: right, Y: bottom}}
}

// label writes a number above a bar, ending where the value is.
func label(c draw.Canvas, p *plot.Plot, text string, x, y vg.Length) {
	style := p.X.Tick.Label
	style.XAlign, style.YAlign = draw.XCenter, draw.YBottom
	style.Font.Size = vg.Points(9)
	c.FillText(style, vg.Point{X: x, Y: y + vg.Points(1)}, text)
}

// swatch is a colour in the legend.
type swatch struct{ color.Color }

func (s swatch) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(s.Color, rectangle(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
}

package main

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	chartWidth  = 20 * vg.Centimeter
	chartHeight = 9 * vg.Centimeter
)

// Colours that stand out on white and on black alike, and from each other also
// for those who do not tell red from green.
func palette() []color.Color {
	return []color.Color{
		color.RGBA{R: 0x38, G: 0x8b, B: 0xfd, A: 0xff},
		color.RGBA{R: 0xd2, G: 0x99, B: 0x22, A: 0xff},
		color.RGBA{R: 0x8b, G: 0x94, B: 0x9e, A: 0xff},
	}
}

// newChart is an empty chart with one row for each name, the first on top.
func newChart(title, axis string, names []string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.Padding = 3 * vg.Millimeter
	p.X.Label.Text = axis
	reversed := make([]string, len(names))
	for i, name := range names {
		reversed[len(names)-1-i] = name
	}
	p.NominalY(reversed...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	for _, size := range []*vg.Length{&p.X.Label.TextStyle.Font.Size, &p.X.Tick.Label.Font.Size, &p.Y.Tick.Label.Font.Size, &p.Legend.TextStyle.Font.Size} {
		*size = vg.Points(11)
	}
	p.Title.TextStyle.Font.Size = vg.Points(13)
	return p
}

// latencyChart shows how the times of requests 2 ms apart are distributed.
func latencyChart(r *results) ([]byte, error) {
	var names []string
	var boxes distributions
	for _, w := range append([]way{{"register-server", "no transport"}}, ways()...) {
		name := request(w.name, "none", "0", "spaced")
		var d distribution
		for i, percentile := range []string{"p05", "p25", "p50", "p75", "p95"} {
			d[i] = r.median(name, percentile+"-sec") * 1e6
		}
		if math.IsNaN(d[2]) {
			continue
		}
		names = append(names, w.label)
		boxes = append(boxes, d)
	}
	if len(boxes) == 0 {
		return nil, fmt.Errorf("no benchmark of mode=spaced")
	}
	p := newChart("A gateway request 2 ms after the one before: median, middle half, 5% to 95%", "time to the answer in µs, logarithmic", names)
	p.X.Scale = plot.LogScale{}
	p.X.Min, p.X.Max = boxes.span()
	p.X.Tick.Marker = plot.ConstantTicks(logTicks(p.X.Min, p.X.Max))
	p.Add(verticalGrid{}, boxes)
	return svg(p)
}

// coldStartChart shows what the time to the first answer consists of.
func coldStartChart(r *results) ([]byte, error) {
	var names []string
	var bars stacks
	for _, w := range append([]way{{"hello", "hello world"}}, ways()...) {
		name := "Bootstrap/transport=" + w.name
		packages, init, cold := r.median(name, "packages-sec"), r.median(name, "init-sec"), r.median(name, "cold-sec")
		if math.IsNaN(cold) {
			continue
		}
		names = append(names, w.label)
		bars = append(bars, stack{(init - packages) * 1e3, packages * 1e3, (cold - init) * 1e3})
	}
	if len(bars) == 0 {
		return nil, fmt.Errorf("no benchmark Bootstrap")
	}
	p := newChart("Cold start of the function, from exec to the first answer", "time in ms", names)
	p.X.Min, p.X.Max = 0, bars.longest()*1.02
	p.X.Tick.Marker = plot.ConstantTicks(evenTicks(p.X.Max))
	p.Add(verticalGrid{}, bars)
	for i, part := range []string{"process, transport and gateway", "package initialisation", "first request"} {
		p.Legend.Add(part, swatch{palette()[i]})
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs = 3 * vg.Millimeter
	p.Legend.Padding = vg.Millimeter
	p.Y.Max += 1.6 // room for the legend
	return svg(p)
}

// logTicks are 1, 2 and 5 of each decade between low and high, with labels.
func logTicks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := math.Pow10(int(math.Floor(math.Log10(low)))); decade < high; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * decade; v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", v)})
			}
		}
	}
	return ticks
}

// evenTicks are at most ten round numbers from 0 to high, with labels.
func evenTicks(high float64) []plot.Tick {
	step := 1.0
	for high/step > 10 {
		step *= 5
	}
	var ticks []plot.Tick
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	return ticks
}

// verticalGrid draws a faint line at each tick of the X axis.
type verticalGrid struct{}

func (verticalGrid) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := draw.LineStyle{Color: palette()[2], Width: vg.Points(0.3)}
	for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if at := x(tick.Value); !tick.IsMinor() && c.ContainsX(at) {
			c.StrokeLine2(style, at, c.Min.Y, at, c.Max.Y)
		}
	}
}

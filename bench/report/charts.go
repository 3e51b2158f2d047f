package main

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func charts() map[string]func(*results) (*plot.Plot, error) {
	return map[string]func(*results) (*plot.Plot, error){
		"billed.svg": billedChart, "cpu.svg": cpuChart, "coldstart.svg": coldStartChart, "growth.svg": growthChart,
	}
}

// palette has colors that are visible on white and on black. The last is for
// everything that is not data.
func palette() []color.Color {
	return []color.Color{
		color.RGBA{R: 0x38, G: 0x8b, B: 0xfd, A: 0xff}, color.RGBA{R: 0xd2, G: 0x99, B: 0x22, A: 0xff},
		color.RGBA{R: 0x2d, G: 0xa4, B: 0x4e, A: 0xff}, color.RGBA{R: 0xe5, G: 0x53, B: 0x4b, A: 0xff},
		color.RGBA{R: 0xa4, G: 0x75, B: 0xf9, A: 0xff}, color.RGBA{R: 0x8b, G: 0x94, B: 0x9e, A: 0xff},
	}
}

func newChart(title, x, y string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding, p.Legend.Padding, p.Legend.Top = 3*vg.Millimeter, vg.Millimeter, true
	p.Title.TextStyle.Font.Size = vg.Points(13)
	for _, style := range []*draw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Size = vg.Points(11)
	}
	grid := plotter.NewGrid()
	for _, style := range []*draw.LineStyle{&grid.Vertical, &grid.Horizontal} {
		style.Color, style.Width = palette()[5], vg.Points(0.3)
	}
	p.Add(grid)
	return p
}

// addLine adds the measured points and a line through them.
func addLine(p *plot.Plot, i int, name string, points plotter.XYs) error {
	points = slices.DeleteFunc(points, func(point plotter.XY) bool { return math.IsNaN(point.Y) })
	if len(points) == 0 {
		return nil
	}
	line, scatter, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}}
	line.Color, line.Width = palette()[i], vg.Points(1.8)
	scatter.Color, scatter.Shape, scatter.Radius = palette()[i], shapes[i], vg.Points(3.5)
	p.Add(line, scatter)
	p.Legend.Add(name, line, scatter)
	return nil
}

// logAxis returns ticks at the numbers between low and high.
func logAxis(axis *plot.Axis, low, high float64, numbers ...int) {
	var ticks plot.ConstantTicks
	for _, n := range numbers {
		if v := float64(n); v >= low && v <= high {
			ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(n)})
		}
	}
	axis.Scale, axis.Tick.Marker, axis.Min, axis.Max = plot.LogScale{}, ticks, low, high
}

func billedChart(r *results) (*plot.Plot, error) {
	p := newChart("What a request is billed when requests come in a row", "memory of the function in MB, logarithmic", "billed ms a request, logarithmic")
	highest := 1.0
	for i, f := range []string{"inproc", "bufconn", "unix", "original", "connect", "hello"} {
		var points plotter.XYs
		for _, mb := range memorySizes() {
			ms := r.Median(memory(f, mb), "billed-ms")
			points = append(points, plotter.XY{X: float64(mb), Y: ms})
			if ms > highest {
				highest = ms
			}
		}
		if err := addLine(p, i, f, points); err != nil {
			return nil, err
		}
	}
	if highest == 1 {
		p.Title.Text = "What a request is billed: not measured, for no CPU limit could be set"
	}
	logAxis(&p.X, 120, 1900, memorySizes()...)
	logAxis(&p.Y, 0.9, highest*1.2, 1, 2, 5, 10, 20, 50, 100)
	return p, nil
}

func cpuChart(r *results) (*plot.Plot, error) {
	p := newChart("CPU time of an invocation, REST with a buffered answer (connect: RPC)", "CPU time of all threads in µs", "")
	return p, addBars(p, false, []string{"back to back", "2 ms apart"}, func(f string) []float64 {
		return []float64{r.Median(invocation(f), "busy-cpu-sec") * 1e6, r.Median(invocation(f), "spaced-cpu-sec") * 1e6}
	})
}

func coldStartChart(r *results) (*plot.Plot, error) {
	p := newChart("A cold start, from exec to the first response, without a CPU limit", "time in ms", "")
	return p, addBars(p, true, []string{"init", "first request"}, func(f string) []float64 {
		init, cold := r.Median(coldStart(f), "init-sec"), r.Median(coldStart(f), "cold-sec")
		return []float64{init * 1e3, (cold - init) * 1e3}
	})
}

// addBars adds horizontal bars for each function, side by side or stacked.
func addBars(p *plot.Plot, stacked bool, labels []string, values func(function string) []float64) error {
	var names []string
	series := make([]plotter.Values, len(labels))
	for _, f := range slices.Backward(functions()) {
		if v := values(f); !math.IsNaN(v[0]) {
			names = append(names, f)
			for i := range series {
				series[i] = append(series[i], v[i])
			}
		}
	}
	if len(names) == 0 {
		return errors.New("nothing was measured")
	}
	var charts []*plotter.BarChart
	for i := range series {
		chart, err := plotter.NewBarChart(series[i], vg.Points(8))
		if err != nil {
			return err
		}
		chart.Horizontal, chart.Color, chart.LineStyle.Width = true, palette()[i], 0
		if !stacked {
			chart.Offset = vg.Points(4 - 8*float64(i))
		} else if i > 0 {
			chart.StackOn(charts[i-1])
		}
		charts = append(charts, chart)
		p.Add(chart)
		p.Legend.Add(labels[i], chart)
	}
	p.NominalY(names...)
	p.X.Min = 0
	p.X.Max *= 1.05
	p.Y.Max += 1.6 // room for the legend
	return nil
}

func growthChart(r *results) (*plot.Plot, error) {
	p := newChart("How the CPU time of a request grows, over inproc", "times as many, or as large, logarithmic", "times the CPU time, logarithmic")
	for i, c := range r.Curves() {
		var points plotter.XYs
		for _, n := range c.counts {
			points = append(points, plotter.XY{X: float64(n) / float64(c.First()), Y: c.cost(n, "inproc") / c.cost(c.First(), "inproc")})
		}
		if err := addLine(p, i, c.Of, points); err != nil {
			return nil, err
		}
	}
	linear, err := plotter.NewLine(plotter.XYs{{X: 1, Y: 1}, {X: 10000, Y: 10000}})
	if err != nil {
		return nil, err
	}
	linear.Color, linear.Dashes = palette()[5], []vg.Length{vg.Points(4), vg.Points(4)}
	p.Add(linear)
	p.Legend.Add("linear", linear)
	p.Legend.Left, p.Legend.XOffs = true, 3*vg.Millimeter
	logAxis(&p.X, 0.9, 12000, 1, 10, 100, 1000, 10000)
	logAxis(&p.Y, 0.7, 20000, 1, 10, 100, 1000, 10000)
	return p, nil
}

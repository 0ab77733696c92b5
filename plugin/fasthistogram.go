package failover

import (
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"failoverdns/listener"
)

// addValues adds observations to a histogram, in its classic buckets and, where it has them, in its native ones.
func addValues(h *dto.Histogram, values []listener.Amount) {
	var count uint64
	var total float64
	for _, v := range values {
		count += v.Count
		total += v.Value * float64(v.Count)
		for _, b := range h.Bucket {
			if v.Value <= b.GetUpperBound() {
				n := b.GetCumulativeCount() + v.Count
				b.CumulativeCount = &n
			}
		}
	}
	count += h.GetSampleCount()
	total += h.GetSampleSum()
	h.SampleCount, h.SampleSum = &count, &total
	if h.Schema != nil {
		addNative(h, values)
	}
}

// addNative adds observations to native buckets: bucket i ends at 2^(i/2^schema), and consecutive counts are written
// as differences, in spans with the gaps between them.
func addNative(h *dto.Histogram, values []listener.Amount) {
	counts := nativeCounts(h)
	for _, v := range values {
		if v.Value <= h.GetZeroThreshold() {
			zero := h.GetZeroCount() + v.Count
			h.ZeroCount = &zero
			continue
		}
		counts[int32(math.Ceil(math.Log2(v.Value)*math.Exp2(float64(h.GetSchema()))))] += int64(v.Count)
	}
	h.PositiveSpan, h.PositiveDelta = nil, nil
	var last int64
	next := int32(0)
	for _, i := range slices.Sorted(maps.Keys(counts)) {
		if n := len(h.PositiveSpan); n > 0 && i == next {
			*h.PositiveSpan[n-1].Length++
		} else {
			offset, length := i-next, uint32(1)
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: &length})
		}
		h.PositiveDelta = append(h.PositiveDelta, counts[i]-last)
		last, next = counts[i], i+1
	}
}

// nativeCounts is the native buckets' counts by their numbers.
func nativeCounts(h *dto.Histogram) map[int32]int64 {
	counts := map[int32]int64{}
	var at int32
	var count int64
	deltas := h.PositiveDelta
	for _, s := range h.PositiveSpan {
		at += s.GetOffset()
		for range s.GetLength() {
			count += deltas[0]
			counts[at] = count
			deltas = deltas[1:]
			at++
		}
	}
	return counts
}

package server

import (
	"reflect"
	"time"

	"failoverdns/api"
)

// changes compares the groups of two states: active sites and answers. What is done says when caches are clear.
func changes(before, after *view, done bool) []api.Change {
	out := []api.Change{}
	for name, g := range after.st.Groups.All() {
		old, ok := before.st.Groups.Get(name)
		if old == g {
			continue
		}
		now := after.group(g)
		c := api.Change{Group: name, To: now.Active, Why: now.Why, Before: []api.Cell{}, After: now.Cells}
		if ok {
			c.From, c.Before = old.Active, cells(old)
		}
		if c.From == c.To && reflect.DeepEqual(c.Before, c.After) {
			continue
		}
		for _, x := range c.Before {
			c.TTL = max(c.TTL, x.TTL)
		}
		if done && c.TTL > 0 {
			at := utc(after.st.Wall).Add(time.Duration(c.TTL) * time.Second)
			c.Clear = &at
		}
		c.Before, c.After = fewer(c.Before, api.MaxNames), fewer(c.After, api.MaxNames)
		out = append(out, c)
	}
	return out
}

// fewer keeps of each cell the first n names, for which an answer has room.
func fewer(cells []api.Cell, n int) []api.Cell {
	for i := range cells {
		if c := &cells[i]; len(c.Names) > n {
			c.Names, c.More = c.Names[:n:n], len(c.Names)-n
		}
	}
	return cells
}

package state

import "pgregory.net/rapid"

// drillsRight: one drill runs at most, exactly while its group is pinned by it, and its site is up.
func drillsRight(t *rapid.T, s *State) {
	running, pinned := 0, 0
	for _, d := range s.Drills.All() {
		if d.Outcome != "" {
			continue
		}
		running++
		g, ok := s.Groups.Get(d.Group)
		if !ok || g.Pin == nil || g.Pin.Drill != d.ID || g.Active != d.To {
			t.Fatalf("drill %d runs, and group %s is %+v", d.ID, d.Group, g)
		}
		for _, st := range g.States {
			if st.Site == d.To && !st.Up {
				t.Fatalf("drill %d runs, and %s is down", d.ID, d.To)
			}
		}
	}
	for _, g := range s.Groups.All() {
		if g.Pin != nil && g.Pin.Drill != 0 {
			pinned++
		}
	}
	if running > 1 || running != pinned {
		t.Fatalf("%d drills run, and hold %d pins", running, pinned)
	}
}

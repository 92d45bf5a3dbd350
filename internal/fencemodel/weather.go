package fencemodel

// weather is all that happens to callers: what arrives, what ends by time, and
// what goes wrong as often as the budget allows.
func (r *run) weather(s fence) {
	for p := range r.procs() {
		r.arrivals(s, p)
		if r.Gap > 0 {
			r.gap(s, p)
		}
		for k := range r.keys() {
			r.replay(s, p, k)
			if e := s.near[p][k]; e.v != 0 && s.budget.evict > 0 {
				n := s
				n.budget.evict--
				n.near[p][k] = entry{}
				r.step(&n, procNames[p]+":", "near evicts v%d", e.v, 0)
			}
			if e := s.near[p][k]; e.v != 0 && !e.stale && s.budget.age > 0 {
				n := s
				n.budget.age--
				n.near[p][k].stale = true
				r.step(&n, procNames[p]+":", "v%d grows stale near", e.v, 0)
			}
		}
	}
	for t := range r.Far {
		for k := range r.keys() {
			r.engineKey(s, t, k)
		}
		r.engine(s, t)
	}
	if s.late.lease != 0 {
		r.lateFill(s)
	}
	if s.budget.crash > 0 {
		r.crash(s)
	}
	if s.budget.loseTable > 0 {
		n := s
		n.budget.loseTable--
		n.table = tagTable{epoch: s.table.epoch + 1}
		if r.is(TableRestarts) {
			n.table.epoch--
		}
		r.step(&n, "engine:", "loses the table of tags", 0, 0)
	}
	for k := range r.keys() {
		r.outlive(s, k)
	}
}

// arrivals are pushes, which do exactly D2, and newer tables of tags.
func (r *run) arrivals(s fence, p uint8) {
	for i := range r.Actors {
		if s.pending[p]&(1<<i) == 0 {
			continue
		}
		n := s
		n.pending[p] &^= 1 << i
		k := r.Actors[i].Key
		n.near[p][k] = entry{}
		if !r.is(PushKeepsFlight) {
			n.flow[p][k] = 0
		}
		if from := &n.actors[i]; !from.failed || n.dirty[r.Actors[i].Proc][k] == 0 {
			n.need[p][k] = max(n.need[p][k], from.ver)
		}
		r.step(&n, procNames[p]+":", "the push of call %d arrives: D2", uint8(i)+1, 0)
	}
	if s.copies[p] != s.table {
		r.copyTable(&s, p)
		r.step(&s, procNames[p]+":", "hears of tag generation %d", s.table.gen, 0)
	}
}

// gap loses what is under way, and all that is published until the process
// listens again. It has to listen first and to clear then.
func (r *run) gap(s fence, p uint8) {
	switch s.deaf[p] {
	case 0:
		if s.budget.gap == 0 {
			return
		}
		s.budget.gap--
		s.deaf[p], s.pending[p] = 1, 0
		r.step(&s, procNames[p]+":", "the stream breaks; what was on its way is lost", 0, 0)
	case 1:
		s.deaf[p] = 2
		if r.is(ClearBeforeListening) {
			r.clear(&s, p)
			r.step(&s, procNames[p]+":", "notices the gap: clears near, detaches all flights", 0, 0)
			return
		}
		r.step(&s, procNames[p]+":", "notices the gap: listens again", 0, 0)
	case 2:
		s.deaf[p] = 0
		text := "listens again"
		if !r.is(ClearBeforeListening) {
			r.clear(&s, p)
			text = "clears near, detaches all flights"
		}
		for k := range r.keys() {
			s.need[p][k] = max(s.need[p][k], s.acked[k])
		}
		r.step(&s, procNames[p]+":", text, 0, 0)
	}
}

func (r *run) clear(s *fence, p uint8) {
	s.near[p], s.flow[p] = [maxKeys]entry{}, [maxKeys]uint8{}
}

// replay delivers a Delete that a far tier has missed, deepest tier first, and
// publishes once more.
func (r *run) replay(s fence, p, k uint8) {
	if s.dirty[p][k] == 0 {
		return
	}
	last := -1
	for i, call := range r.Actors {
		if call.Proc == p && call.Key == k && s.actors[i].failed {
			if s.actors[i].pc != aDone {
				return
			}
			last = i
		}
	}
	t := uint8(0)
	for u := range r.Far {
		if s.dirty[p][k]&(1<<u) != 0 {
			t = u
		}
	}
	r.drop(&s, t, k)
	s.dirty[p][k] &^= 1 << t
	if s.dirty[p][k] == 0 {
		r.publish(&s, uint8(last))
		s.acked[k] = max(s.acked[k], s.actors[last].ver)
	}
	r.step(&s, procNames[p]+":", "the Delete that far %d has missed is delivered", t, 0)
}

// engineKey is what happens to one key in an engine: its lease ends, its value
// is evicted or grows stale.
func (r *run) engineKey(s fence, t, k uint8) {
	at := s.far[t][k]
	if at.lease != 0 && !r.is(NoLeaseEnd) {
		n := s
		n.far[t][k].lease, n.far[t][k].conn = 0, 0
		r.changed(&n, t, k)
		if !r.hasHolder(&s, t, k) {
			r.step(&n, "engine:", "far %d: the lease of nobody ends", t, 0)
		} else if n.budget.expire > 0 {
			n.budget.expire--
			r.step(&n, "engine:", "far %d: the lease ends", t, 0)
		}
	}
	if at.v != 0 && s.budget.evict > 0 {
		n := s
		n.budget.evict--
		n.far[t][k].entry = entry{}
		r.step(&n, "engine:", "far %d: evicts v%d", t, at.v)
	}
	if at.v != 0 && !at.stale && s.budget.age > 0 {
		n := s
		n.budget.age--
		n.far[t][k].stale = true
		r.step(&n, "engine:", "far %d: v%d grows stale", t, at.v)
	}
}

func (r *run) hasHolder(s *fence, t, k uint8) bool {
	at := s.far[t][k]
	for i := range s.flights {
		if fl := &s.flights[i]; fl.key == k && fl.lease[t] == at.lease && fl.conn[t] == at.conn {
			return true
		}
	}
	for i, call := range r.Actors {
		if a := &s.actors[i]; call.Key == k && a.tier == t && a.lease == at.lease && a.conn == at.conn {
			return true
		}
	}
	return false
}

// lateFill is a fill that reaches its engine after its sender has given it up,
// or once more.
func (r *run) lateFill(s fence) {
	late := s.late
	s.late = lateFill{}
	r.step(&s, "network:", "loses the fill that was on its way", 0, 0)
	if r.put(&s, late) {
		r.step(&s, "network:", "far %d: the late fill arrives and stores v%d", late.tier, late.got.v)
	}
}

// crash ends a process with all that is in it.
func (r *run) crash(s fence) {
	p := r.CrashProc
	s.budget.crash--
	for i := range s.flights {
		if s.flights[i].proc == p {
			s.flights[i] = flight{}
		}
	}
	for i, call := range r.Actors {
		if call.Proc == p {
			s.actors[i] = actor{pc: aDone, ver: s.actors[i].ver}
		}
	}
	r.clear(&s, p)
	s.dirty[p] = [maxKeys]uint8{}
	s.pending[p], s.deaf[p] = 0, 0
	r.step(&s, procNames[p]+":", "crashes", 0, 0)
}

// engine is what happens to an engine as a whole.
func (r *run) engine(s fence, t uint8) {
	if s.budget.restart > 0 {
		n := s
		n.budget.restart--
		n.far[t] = [maxKeys]engineKey{}
		r.reconnect(&n, t)
		r.step(&n, "engine:", "far %d: restarts, empty", t, 0)
	}
	if s.budget.failover > 0 {
		if s.replica[t] != s.far[t] {
			n := s
			n.replica[t] = s.far[t]
			r.step(&n, "engine:", "far %d: the replica catches up", t, 0)
		}
		n := s
		n.budget.failover--
		n.far[t] = s.replica[t]
		n.replica[t] = [maxKeys]engineKey{}
		r.reconnect(&n, t)
		for k := range r.keys() {
			r.revive(&n, t, k)
		}
		r.step(&n, "engine:", "far %d: fails over to its replica", t, 0)
	}
}

// reconnect is a new connection: leases from before are void, and all who wait
// are woken.
func (r *run) reconnect(s *fence, t uint8) {
	s.conn[t]++
	for k := range r.keys() {
		r.changed(s, t, k)
	}
}

// revive is the stated exception: what a failover brings back may be served,
// until its TTL is over, whatever was acknowledged about it before. Only
// deletions that the engine had done are lost with it.
func (r *run) revive(s *fence, t, k uint8) {
	v := s.far[t][k].v
	if v == 0 {
		return
	}
	lost := false
	for i, call := range r.Actors {
		a := &s.actors[i]
		if (call.Kind == Write || call.Kind == Delete) && call.Key == k && a.ver > v && r.past(a, t) {
			a.lost, a.ver, lost = max(a.lost, a.ver), v, true
		}
	}
	if !lost {
		return
	}
	s.acked[k] = min(s.acked[k], v)
	for p := range s.need {
		s.need[p][k] = min(s.need[p][k], v)
	}
	for i := range s.actors {
		s.actors[i].need[k] = min(s.actors[i].need[k], v)
	}
}

// outlive is the end of the TTL of all that was loaded before a lost Delete:
// age is kept wherever a value goes, so it ends everywhere at once.
func (r *run) outlive(s fence, k uint8) {
	owed := uint8(0)
	for i, call := range r.Actors {
		a := &s.actors[i]
		if call.Key != k || a.lost == 0 {
			continue
		}
		owed = max(owed, a.lost)
		a.ver, a.lost = a.lost, 0
		if a.pc == aDone {
			s.acked[k] = max(s.acked[k], a.ver)
			for p := range s.need {
				s.need[p][k] = max(s.need[p][k], a.ver)
			}
		}
	}
	if owed == 0 {
		return
	}
	old := func(e *entry) {
		if e.v < owed {
			*e = entry{}
		}
	}
	for p := range s.near {
		old(&s.near[p][k])
	}
	for t := range s.far {
		old(&s.far[t][k].entry)
		old(&s.replica[t][k].entry)
	}
	for i := range s.flights {
		if fl := &s.flights[i]; fl.key == k && fl.got.v != 0 && fl.got.v < owed {
			fl.dead = true
		}
		if fl := &s.flights[i]; fl.key == k {
			old(&fl.early)
		}
	}
	if s.late.key == k && s.late.got.v < owed {
		s.late = lateFill{}
	}
	r.step(&s, "time:", "the TTL of what was loaded before v%d is over", owed, 0)
}

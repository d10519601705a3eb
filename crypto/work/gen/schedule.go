package main

import "slices"

const (
	together = 4 // operations that can begin in a cycle
	patience = 4 // cycles; see priorities
)

// schedule returns an order of the operations that leaves little to the
// processor to reorder, which sees only a few dozen at a time. It plays the
// processor: in each cycle begin four operations whose operands are there.
func schedule(operations []operation) (order []int) {
	priority := priorities(operations)
	waiting := inOrder(len(operations))
	slices.SortStableFunc(waiting, func(a, b int) int { return priority[b] - priority[a] })
	there := make([]int, len(operations)) // from which cycle on the value is; 0 is never
	for cycle := 1; len(waiting) > 0; cycle++ {
		missing := func(v int) bool { return v >= 0 && (there[v] == 0 || there[v] > cycle) }
		begun := 0
		waiting = slices.DeleteFunc(waiting, func(i int) bool {
			if begun == together || slices.ContainsFunc(operations[i].args, missing) {
				return false
			}
			begun++
			there[i] = cycle + operations[i].delay
			order = append(order, i)
			return true
		})
	}
	return order
}

// priorities returns which operation is better begun first: that for which the
// longest chain of others waits, but the mixings should stay together, or the
// words of too many are needed at a time. So those of one that comes later have
// to have a chain that is longer by some cycles.
func priorities(operations []operation) (priority []int) {
	chain := make([]int, len(operations)) // in cycles
	priority = make([]int, len(operations))
	for i, o := range slices.Backward(operations) {
		chain[i] += o.delay
		for _, v := range o.args {
			if v >= 0 {
				chain[v] = max(chain[v], chain[i])
			}
		}
		priority[i] = chain[i] - patience*o.mixing
	}
	return priority
}

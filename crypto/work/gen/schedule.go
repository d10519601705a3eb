package main

import "slices"

const pipes = 4 // how many operations can begin in a cycle

// schedule returns an order of the operations that leaves little to the
// processor to reorder, which sees only a few dozen at a time. It plays the
// processor: in each cycle begin four operations whose operands are there, those
// of the oldest mixing first.
func schedule(operations []operation) (order []int) {
	waiting := inOrder(len(operations))
	slices.SortStableFunc(waiting, func(a, b int) int { return operations[a].mixing - operations[b].mixing })
	there := make([]int, len(operations)) // from which cycle on the value is; 0 is never
	for cycle := 1; len(waiting) > 0; cycle++ {
		missing := func(v int) bool { return v >= 0 && (there[v] == 0 || there[v] > cycle) }
		begun := 0
		waiting = slices.DeleteFunc(waiting, func(i int) bool {
			if begun == pipes || slices.ContainsFunc(operations[i].args, missing) {
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

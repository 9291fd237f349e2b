-- The types that both processes share. They are values: what a library returns
-- can be used as a type and called to check what came in a message.
export type Item = {
	name: string @min_len(1),
	count: integer @min(1) @max(99),
	price: number @min(0),
}

export type Order = {
	customer: string @pattern("^[a-z]+$"),
	items: Item[],
	delivery: "collect" | "post",
	note?: string @max_len(20),
}

return { Item = Item, Order = Order }

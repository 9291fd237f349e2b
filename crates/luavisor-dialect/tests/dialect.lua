-- Everything that the dialect has, for tests that change it at random.
local lib = require("lib")
export type Mode = "fast" | "safe" | 3 | -1 | true
type Point = { x: number @min(0) @max(10), y?: number, readonly z: integer }
type Box<T, U = string> = { value: T, list: T[], other: U }
type Node = { value: Box<Point>, next: Node?, kind: lib.Kind }
type Run = (a: number, b?: string, ...any) -> number, string
type Both = Point & { ["name"]: string @pattern("^[a-z]+$") @min_len(1) @max_len(20) }
local defaults: readonly { [string]: number[] } = {}
type Options = typeof(defaults)

local function f<T>(a: T[], b?: Mode, ...: any): T?, string
	for i, row in a as any do
		for _, cell: 1 | 2 in row! do
			if cell! == 3 or cell!~=4 then
				goto continue
			elseif (cell as number) < 5 then
				goto next
			end
			print(`{cell as string} of {i}`, cell :: number[])
			::next::
		end
		repeat
			local done = Point:is(row)
			if done then
				goto continue
			end
		until done
		::continue::
	end
	return a[1]!.x as T, { Point = Point, Node = Node } :: any
end

return { f = f, Mode = Mode, Options = Options, Box = Box, Run = Run, Both = Both }

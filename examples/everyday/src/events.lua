-- The bus: who subscribed gets a copy of what is sent.
local events = require("events")

local function run()
	local lines = {}
	local function say(...)
		table.insert(lines, table.concat({ ... }, " "))
	end

	local all = events.subscribe("shop.**")
	local paid = events.subscribe("shop.*", "order.paid")
	events.send("shop.north", "order.made", "order:1", { drink = "tea" })
	events.send("shop.north", "order.paid", "order:1", { amount = 2.5 })
	events.send("bank", "order.paid", "order:7")

	local event = paid:channel():receive()
	say(event.path, "paid in", event.system, event.data.amount)
	for _ = 1, 2 do
		say("seen:", all:channel():receive().kind)
	end

	paid:close()
	local nothing, ok = paid:channel():receive()
	say("closed:", tostring(nothing), tostring(ok))
	local _, err = events.send("shop", "order.made", "")
	say(err:kind(), err:message())
	return lines
end

return { run = run }

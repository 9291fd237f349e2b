local events = require("events")
local expect = require("expect")

local tests = {}

function tests.subscribers_get_what_they_asked_for()
	local paid = events.subscribe("test.*", "order.paid")
	events.send("test.north", "order.made", "order:1")
	events.send("test.north", "order.paid", "order:2", { amount = 2.5 })
	local event = paid:channel():receive()
	expect.same(event.system, "test.north")
	expect.same(event.path, "order:2")
	expect.same(event.data.amount, 2.5)
end

function tests.a_closed_subscription_gets_nothing()
	local all = events.subscribe("test.**")
	all:close()
	events.send("test.north", "order.made", "order:3")
	local event, open = all:channel():receive()
	expect.same(event, nil)
	expect.same(open, false)
end

return tests

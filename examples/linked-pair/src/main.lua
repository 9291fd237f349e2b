-- A link ties two processes together: if one fails, the other fails too, unless
-- it traps links and reads a LINK_DOWN event instead.
local function main()
	process.set_options({ trap_links = true })
	local events = process.events()

	local child = process.spawn_linked("app:child", "app:processes")
	local event = events:receive()
	assert(event.kind == process.event.LINK_DOWN and event.from == child)
	print("trapped: " .. event.result.error:message())

	-- `fragile` links to a child of its own and does not trap: it goes down with it.
	process.spawn_monitored("app:fragile", "app:processes")
	event = events:receive()
	print("without the trap: " .. event.reason .. ", cause " .. event.result.error:details().cause)

	-- A normal end dissolves the link silently.
	process.spawn_linked_monitored("app:child", "app:processes", "end well")
	print("normal end: " .. events:receive().kind)
end

return { main = main }

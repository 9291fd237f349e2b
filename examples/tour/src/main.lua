local function main()
	local events, inbox = process.events(), process.inbox()

	-- spawn: a process with its own world; its pid is known at once
	local pid, err = process.spawn_monitored("app:worker", "app:processes", "tea")
	if err then
		return nil, "spawn failed: " .. tostring(err)
	end

	-- send and receive: values are copied, messages wait in the mailbox
	process.send(pid, "brew", { cups = 2 })
	print(inbox:receive():payload():data())

	-- cancel: asks, and forces when 100 ms have passed
	process.cancel(pid, "100ms")

	-- monitor: EXIT tells how it ended
	local event = events:receive()
	print(event.kind, event.reason, event.result.value)

	-- link: share a fate, or trap it
	process.set_options({ trap_links = true })
	process.spawn_linked("app:worker", "app:processes")
	event = events:receive()
	print(event.kind, event.result.error:message())
end

return { main = main }

-- A monitor is one-way: the watcher gets an EXIT event with the result, however
-- the watched process ends, and goes on.
local function main()
	local events = process.events()
	for _, job in { "add", "crash", "give up" } do
		local pid, err = process.spawn_monitored("app:worker", "app:processes", job)
		if err then
			return nil, "spawn failed: " .. tostring(err)
		end
		local event = events:receive()
		assert(event.kind == process.event.EXIT and event.from == pid)
		if event.result.error then
			print(job, event.reason, event.result.error:message())
		else
			print(job, event.reason, event.result.value)
		end
	end
end

return { main = main }

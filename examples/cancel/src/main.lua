-- process.cancel asks a process to end and gives it time to clean up. One that
-- ignores the request is ended when the deadline passes.
local function main()
	local events = process.events()
	for _, worker in { "app:tidy", "app:stubborn" } do
		local pid = process.spawn_monitored(worker, "app:processes", process.pid())
		process.inbox():receive() -- it is up
		process.cancel(pid, "100ms")
		local event = events:receive()
		local result = event.result
		print(worker, event.reason, if result.error then result.error:message() else result.value)
	end
end

return { main = main }

-- Five points link to one hub. When the hub fails, each point that traps links
-- is told, and each that does not goes down with it.
local function main()
	local hub = process.spawn_monitored("app:hub", "app:processes")
	local inbox, events = process.inbox(), process.events()
	for i = 1, 5 do
		process.spawn_monitored("app:point", "app:processes", hub, process.pid(), i % 2 == 1)
		inbox:receive()
	end
	process.send(hub, "fail")
	local told, linked = 0, 0
	for _ = 1, 6 do
		local event = events:receive()
		if event.from == hub then
			assert(event.result.error:message() == "the hub failed")
		elseif event.result.value == "told" then
			told += 1
		elseif event.reason == "linked" then
			linked += 1
		end
	end
	print(told .. " points were told, " .. linked .. " went down with the hub")
end

return { main = main }

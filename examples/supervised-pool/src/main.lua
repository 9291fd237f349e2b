local supervisor = require("supervisor")
local time = require("time")

local events, inbox

-- Gives a job to a worker by its name and prints what comes of it.
local function feed(name, job)
	local pid = supervisor.which("app:pool", name)
	process.monitor(pid)
	process.send(pid, "job", job)
	local result = channel.select({ inbox:case_receive(), events:case_receive() })
	if result.channel == inbox then
		print(result.value:payload():data())
		process.unmonitor(pid)
	else
		print(`{name} failed: {result.value.result.error:message()}`)
	end
	return pid
end

return function()
	events, inbox = process.events(), process.inbox()
	feed("worker.1", "bread")
	local old = feed("worker.2", "poison")
	feed("worker.3", "bread")
	-- Its name stays, its process is a new one.
	repeat
		time.sleep("10ms")
		local pid = supervisor.which("app:pool", "worker.2")
	until pid and pid ~= old
	feed("worker.2", "bread")
	for _, child in supervisor.children("app:pool") do
		print(`{child.name}: {child.state}, life {child.life}`)
	end
end

-- A pool that restarts its workers by hand: it is linked to each, traps links,
-- and starts a new worker for each one that fails.
local time = require("time")

local function main()
	process.set_options({ trap_links = true })
	local events, inbox = process.events(), process.inbox()
	local workers = {}

	local function start(id)
		local pid, err = process.spawn_linked("app:worker", "app:processes", id, process.pid())
		if err then
			print("worker " .. id .. " did not start: " .. tostring(err))
			return
		end
		workers[pid] = id
	end

	for id = 1, 3 do
		start(id)
	end
	print("pool of 3 workers")

	while true do
		local result = channel.select({
			events:case_receive(),
			inbox:case_receive(),
			time.after("60s"):case_receive(),
		})
		local event = result.value
		if result.channel == inbox then
			-- A worker is up: give it a job that fits its number.
			local id = event:payload():data()
			process.send(event:from(), "job", if id == 2 then "poison" else "bread")
		elseif result.channel == events then
			if event.kind == process.event.CANCEL then
				print("pool is closing")
				return
			elseif event.kind == process.event.LINK_DOWN then
				local id = workers[event.from]
				workers[event.from] = nil
				print("worker " .. id .. " failed (" .. event.result.error:message() .. "), restarting")
				time.sleep("50ms")
				start(id + 10)
			end
		else
			print("all quiet")
		end
	end
end

return { main = main }

-- Jobs wait, are with a worker, or are done. A worker is monitored as long as it has one.
return function()
	process.registry.register("queue")
	local inbox, events = process.inbox(), process.events()
	local added, waiting, done, busy, idle = 0, {}, 0, {}, {}
	process.ready()

	local function hand_out()
		while #waiting > 0 and #idle > 0 do
			local worker = table.remove(idle, 1)
			local job = table.remove(waiting, 1)
			if process.monitor(worker) and process.send(worker, "job", job) then
				busy[worker] = job
			else
				-- It is dead or does not listen. The next one says that it is idle.
				table.insert(waiting, 1, job)
				process.terminate(worker)
			end
		end
	end

	while true do
		local result = channel.select({ events:case_receive(), inbox:case_receive() })
		if result.channel == events then
			local event = result.value
			if event.kind == process.event.CANCEL then
				return
			end
			local job = busy[event.from]
			busy[event.from] = nil
			if job then
				table.insert(waiting, 1, job)
			end
		else
			local message = result.value
			local topic, from = message:topic(), message:from()
			if topic == "add" then
				added += 1
				table.insert(waiting, message:payload():data())
			elseif topic == "idle" then
				table.insert(idle, from)
			elseif topic == "done" and busy[from] then
				done += 1
				busy[from] = nil
				process.unmonitor(from)
				table.insert(idle, from)
			elseif topic == "count" then
				local working = 0
				for _ in busy do
					working += 1
				end
				process.send(from, "count", { added = added, waiting = #waiting, working = working, done = done })
			end
		end
		hand_out()
	end
end

local supervisor = require("supervisor")

return function()
	local inbox = process.inbox()
	local seen, waiting, open = { ["/"] = true }, { "/" }, 0
	local found = {}
	while open > 0 or #waiting > 0 do
		-- As many as the supervisor takes; the rest waits for a page to be done.
		while #waiting > 0 do
			local name, err = supervisor.start("app:fetchers", waiting[1], waiting[1], process.pid())
			if not name then
				assert(err:kind() == "LimitExceeded", err)
				break
			end
			table.remove(waiting, 1)
			open += 1
		end
		local done = inbox:receive():payload():data()
		open -= 1
		table.insert(found, done)
		for _, link in done.links do
			if not seen[link] then
				seen[link] = true
				table.insert(waiting, link)
			end
		end
	end
	table.sort(found, function(a, b) return a.page < b.page end)
	for _, done in found do
		print(done.page .. (if done.life > 1 then `, at the attempt number {done.life}` else ""))
	end
end

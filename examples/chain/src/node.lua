local function main(depth, parent)
	if depth > 1 then
		process.spawn_linked("app:node", "app:processes", depth - 1, parent)
	end
	process.send(parent, "node", { depth = depth, pid = process.pid() })
	process.inbox():receive()
	error("boom", 0)
end

return { main = main }

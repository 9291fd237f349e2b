local function main()
	process.inbox():receive()
	error("the hub failed", 0)
end

return { main = main }

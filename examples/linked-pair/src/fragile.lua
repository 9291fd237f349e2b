local function main()
	process.spawn_linked("app:child", "app:processes")
	process.inbox():receive()
	print("never printed")
end

return { main = main }

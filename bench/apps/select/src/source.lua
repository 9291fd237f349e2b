-- Sends n messages to whom asks, a hundred at a time.
return function(n)
    local inbox = process.inbox()
    while true do
        local to = inbox:receive():from()
        for i = 1, n do
            process.send(to, "message", i)
        end
    end
end

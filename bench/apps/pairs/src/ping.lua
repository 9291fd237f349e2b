return function(pong, n, bench)
    pong = pong or process.spawn("app:pong", "app:processes")
    local inbox = process.inbox()
    process.send(bench, "up")
    inbox:receive()
    for i = 1, n do
        process.send(pong, "ping", i)
        inbox:receive():payload():data()
    end
    process.send(bench, "done")
end

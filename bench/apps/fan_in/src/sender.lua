return function(receiver, messages)
    for i = 1, messages do
        process.send(receiver, "message", i)
    end
end
